"""Addresses of a project that serves no admin."""

from django.urls import include, path

urlpatterns = [path("points/", include("billing.urls"))]
