"""Where django-payments is called back."""

from django.urls import include, path

urlpatterns = [path("payments/", include("payments.urls"))]
