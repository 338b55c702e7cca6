from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("secret-admin/", admin.site.urls),
    path("accounts/", include("django.contrib.auth.urls")),
]
