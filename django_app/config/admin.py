"""This site's users and groups in the back office's frame, in the place of Django's own pages."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User

from billing_office.users import GroupAdmin, UserAdmin

if get_user_model() is User:  # another user model has pages of its own
    admin.site.unregister(User)
    admin.site.register(User, UserAdmin)
admin.site.unregister(Group)
admin.site.register(Group, GroupAdmin)
