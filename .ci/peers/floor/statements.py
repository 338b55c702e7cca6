"""The statements of a charge by hand, on our own tables: what is left when nobody builds SQL, reads
answers or checks anything. Their shape stays as it is while the road above gets faster.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

LOCK = """SELECT id, owner_id, amount, version, status, imp_uid, cancel_amount, cancel_goal
FROM billing_pointtransaction WHERE merchant_uid = %s FOR NO KEY UPDATE"""
LOCK_WITH_MEMBER = """SELECT txn.id, txn.owner_id, txn.amount, txn.version, point.balance
FROM billing_pointtransaction txn JOIN billing_point point ON point.user_id = txn.owner_id
WHERE txn.merchant_uid = %s FOR NO KEY UPDATE"""
COUNT = """SELECT count(*) FILTER (WHERE received_at > now() - interval '1 hour'),
count(*) FILTER (WHERE received_at > now() - interval '1 hour' AND tries > 0),
count(*) FILTER (WHERE outcome = 'pending') FROM billing_webhookevent WHERE merchant_uid = %s"""
STORE = """INSERT INTO billing_webhookevent (source, address, imp_uid, merchant_uid, claimed_status,
cancellation_id, body, outcome, tries, error_code, error, next_try_at, received_at)
VALUES ('webhook', '127.0.0.1', %s, %s, %s, '', %s, %s, 1, '', '', now() + interval '5 minutes',
now()) RETURNING id"""
WRITE = """UPDATE billing_pointtransaction SET imp_uid = %s, status = 'paid', credited = amount,
credited_at = now(), synced_at = now(), started_at = now(), paid_at = now(), version = version + 1,
next_check_at = NULL, paid_method = 'card', pg_provider = 'html5_inicis', pg_id = 'INIpayTest',
pg_tid = %s, apply_num = '30012345', card_name = '신한카드', receipt_url = 'https://pay.example/'
WHERE id = %s AND version = %s"""
BALANCE = "UPDATE billing_point SET balance = balance + %s WHERE user_id = %s"
LEDGER = """INSERT INTO billing_pointentry (owner_id, txn_id, version, kind, delta, memo, by_name,
created_at) VALUES (%s, %s, %s, 'charge', %s, '', '', now())"""
CLOSE = """UPDATE billing_webhookevent SET outcome = 'done', error_code = '', error = '',
handled_at = now(), next_try_at = NULL WHERE id = %s AND outcome = 'pending' AND tries = 1"""

Transaction = Callable[[], AbstractContextManager[Any]]


def one_commit(cursor: Any, transaction: Transaction, body: bytes) -> None:
    """Delivery, lock, balance, ledger: four statements, one commit."""
    told = json.loads(body)
    with transaction():
        cursor.execute(
            STORE, [told["imp_uid"], told["merchant_uid"], told["status"], body.decode(), "done"]
        )
        cursor.execute(LOCK_WITH_MEMBER, [told["merchant_uid"]])
        key, owner, amount, version, _balance = cursor.fetchone()
        cursor.execute(BALANCE, [amount, owner])
        cursor.execute(LEDGER, [owner, key, version + 1, amount])


def two_commits(cursor: Any, transaction: Transaction, body: bytes) -> None:
    """What our webhook does, in eight statements: the delivery within its bounds is stored, and
    committed before the gateway would be asked; then the answer is applied and the delivery closed.
    """
    told = json.loads(body)
    merchant_uid = told["merchant_uid"]
    with transaction():
        cursor.execute(LOCK, [merchant_uid])
        cursor.fetchone()
        cursor.execute(COUNT, [merchant_uid])
        cursor.fetchone()
        cursor.execute(
            STORE, [told["imp_uid"], merchant_uid, told["status"], body.decode(), "pending"]
        )
        event = cursor.fetchone()[0]
    with transaction():
        cursor.execute(LOCK_WITH_MEMBER, [merchant_uid])
        key, owner, amount, version, _balance = cursor.fetchone()
        cursor.execute(WRITE, [told["imp_uid"], f"tid-{key}", key, version])
        cursor.execute(BALANCE, [amount, owner])
        cursor.execute(LEDGER, [owner, key, version + 1, amount])
        cursor.execute(CLOSE, [event])
