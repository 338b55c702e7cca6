"""Users without a login name, a name or an e-mail address: columns that may be NULL, a model that has
none of them.
"""

import pytest

from billing.support.people import email_address, full_name, login_name
from billing.web import buyer


class Person:
    """login, name, email: what the columns hold; field: the model's EMAIL_FIELD."""

    def __init__(self, login=None, name=None, email=None, field="email"):
        self.login, self.name, self.email, self.field = login, name, email, field

    def get_username(self):
        return self.login

    def get_full_name(self):
        return self.name

    def get_email_field_name(self):
        return self.field


@pytest.mark.parametrize("field", ["email", "mail", None, ""])
def test_what_is_null_is_an_empty_text(rf, field):
    nobody = Person(field=field)
    assert [login_name(nobody), full_name(nobody), email_address(nobody)] == ["", "", ""]
    request = rf.get("/")
    request.user, request.session = nobody, {}
    assert buyer.buyer_of(request) == {}


def test_what_is_there_is_told():
    hong = Person("hong", "홍길동", "hong@example.com")
    assert [login_name(hong), full_name(hong), email_address(hong)] == [
        "hong",
        "홍길동",
        "hong@example.com",
    ]


def test_a_user_that_has_no_name_method():
    assert full_name(object()) == ""
