"""Names of Python alone: the columns stay, so that nothing is written.

Checks and indexes name fields in the migrations' state: they are taken out of the state before a
rename and put in again after it, or the next rebuild of a table on SQLite would look for the old
name. The database has them unchanged.
"""

import django.db.models.functions.comparison
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_unmatched_payment")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("pointtransaction", "billing_txn_cancel_goal"),
                migrations.RemoveConstraint("pointtransaction", "billing_txn_unbound"),
                migrations.RemoveConstraint("pointtransaction", "billing_txn_bound"),
                migrations.RemoveConstraint("pointentry", "billing_entry_origin"),
                migrations.RemoveConstraint("pointentry", "billing_entry_once_per_key"),
                migrations.RemoveIndex("pointentry", "billing_entry_by_key"),
                migrations.RenameField("pointtransaction", "cancel_goal", "pending_cancel_total"),
                migrations.AlterField(
                    "pointtransaction",
                    "pending_cancel_total",
                    models.BigIntegerField(
                        db_column="cancel_goal",
                        default=0,
                        help_text="What will be cancelled once our open cancel is done; 0: none is open.",
                    ),
                ),
                migrations.RenameField("pointtransaction", "adopted", "claimed"),
                migrations.AlterField(
                    "pointtransaction",
                    "claimed",
                    models.BooleanField(
                        db_column="adopted",
                        default=False,
                        help_text="Staff gave a payment that no row knew to a member: no attempt.",
                    ),
                ),
                migrations.RenameField("pointentry", "key", "idempotency_key"),
                migrations.AlterField(
                    "pointentry",
                    "idempotency_key",
                    models.CharField(blank=True, db_column="key", max_length=100, null=True),
                ),
                migrations.AddConstraint(
                    "pointtransaction",
                    models.CheckConstraint(
                        condition=Q(
                            pending_cancel_total__gte=0, pending_cancel_total__lte=F("amount")
                        ),
                        name="billing_txn_cancel_goal",
                    ),
                ),
                migrations.AddConstraint(
                    "pointtransaction",
                    models.CheckConstraint(
                        condition=Q(credited_at__isnull=False)
                        | Q(credited=0, pending_cancel_total=0),
                        name="billing_txn_unbound",
                    ),
                ),
                migrations.AddConstraint(
                    "pointtransaction",
                    models.CheckConstraint(
                        condition=Q(credited_at__isnull=True)
                        | Q(
                            credited=F("amount")
                            - django.db.models.functions.comparison.Greatest(
                                "cancel_amount", "pending_cancel_total"
                            ),
                            imp_uid__isnull=False,
                            status__in=["paid", "cancelled"],
                        ),
                        name="billing_txn_bound",
                    ),
                ),
                migrations.AddConstraint(
                    "pointentry",
                    models.CheckConstraint(
                        condition=Q(
                            kind__in=["charge", "cancel", "release"],
                            txn__isnull=False,
                            version__isnull=False,
                            idempotency_key__isnull=True,
                        )
                        | Q(
                            kind__in=["spend", "give_back", "adjust"],
                            txn__isnull=True,
                            version__isnull=True,
                            idempotency_key__isnull=False,
                        ),
                        name="billing_entry_origin",
                    ),
                ),
                migrations.AddConstraint(
                    "pointentry",
                    models.UniqueConstraint(
                        fields=["owner", "kind", "idempotency_key"],
                        name="billing_entry_once_per_key",
                    ),
                ),
                migrations.AddIndex(
                    "pointentry",
                    models.Index(
                        fields=["idempotency_key"],
                        condition=Q(idempotency_key__isnull=False),
                        name="billing_entry_by_key",
                    ),
                ),
            ],
        ),
    ]
