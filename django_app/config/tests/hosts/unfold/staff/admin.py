from django.contrib.auth.models import User
from unfold.admin import ModelAdmin

from staff.site import site


class OwnUserAdmin(ModelAdmin):
    list_display = ["username", "email"]


site.register(User, OwnUserAdmin)
