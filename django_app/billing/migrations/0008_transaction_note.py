"""Notes as data, codes beside errors. Filled by the next migration."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("billing", "0007_names"),
    ]

    operations = [
        migrations.CreateModel(
            name="TransactionNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=30)),
                ("params", models.JSONField(blank=True, default=dict)),
                ("by_name", models.CharField(blank=True, default="", max_length=150)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "txn",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notes",
                        to="billing.pointtransaction",
                    ),
                ),
            ],
            options={
                "verbose_name": "note",
                "verbose_name_plural": "notes",
                "indexes": [models.Index(fields=["txn", "id"], name="billing_note_by_txn")],
            },
        ),
        migrations.AddField(
            "pointtransaction",
            "has_notes",
            models.BooleanField(default=False, help_text="Whether there are notes of it."),
        ),
        migrations.AddField(
            "pointcancellation",
            "reason_code",
            models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            "pointcancellation",
            "error_code",
            models.CharField(blank=True, default="", max_length=30),
        ),
        migrations.AddField(
            "webhookevent", "error_code", models.CharField(blank=True, default="", max_length=30)
        ),
        migrations.AlterField(
            "pointcancellation",
            "error",
            models.CharField(
                blank=True,
                default="",
                help_text="The gateway's words, or a detail.",
                max_length=500,
            ),
        ),
        migrations.AlterField(
            "webhookevent",
            "error",
            models.CharField(
                blank=True,
                default="",
                help_text="The gateway's words, or a detail.",
                max_length=300,
            ),
        ),
    ]
