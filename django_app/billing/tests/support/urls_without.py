"""Addresses of a project that has forgotten billing's."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
