from django.conf import settings
from django.db import models


class Order(models.Model):
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    item = models.CharField(max_length=50)
    price = models.PositiveIntegerField()

    def __str__(self):
        return self.item
