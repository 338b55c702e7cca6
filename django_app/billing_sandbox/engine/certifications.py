"""Identity checks that succeeded: made by their window and by the control API."""

from __future__ import annotations

import hashlib

from billing_sandbox.engine import clock, processor
from billing_sandbox.models import Certification, Payment


def create(
    *,
    name: str = "홍길동",
    birthday: str = "1990-01-31",
    gender: str = "male",
    phone: str = "01012345678",
    carrier: str = "SKT",
    foreigner: bool = False,
    merchant_uid: str = "",
    origin: str = "",
) -> Certification:
    """Somebody proved who they are. The same person gets the same keys each time."""
    now = clock.now()
    person = hashlib.sha512(f"{name} {birthday} {gender}".encode()).hexdigest()
    while True:
        imp_uid = f"imp_{processor.random_digits(12)}"
        if (
            not Payment.objects.filter(imp_uid=imp_uid).exists()
            and not Certification.objects.filter(imp_uid=imp_uid).exists()
        ):
            break
    return Certification.objects.create(
        imp_uid=imp_uid,
        merchant_uid=merchant_uid,
        pg_tid=f"{now}{processor.random_digits(8)}",
        name=name,
        birthday=birthday,
        gender=gender,
        phone=phone,
        carrier=carrier,
        foreigner=foreigner,
        unique_key=person[:86] + "==",
        unique_in_site=hashlib.sha256(person.encode()).hexdigest(),
        origin=origin,
        certified_at=now,
    )
