"""A member without names, e-mail, groups and a field is_active."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class MemberManager(BaseUserManager):
    def create_user(self, login, password=None, **more):
        member = self.model(login=login, **more)
        member.set_password(password)
        member.save()
        return member

    create_superuser = create_user


class Member(AbstractBaseUser):
    login = models.CharField(max_length=40, unique=True)
    is_staff = models.BooleanField(default=False)

    USERNAME_FIELD = "login"
    objects = MemberManager()

    def has_perm(self, perm, obj=None):
        return self.is_staff

    def has_module_perms(self, app_label):
        return self.is_staff
