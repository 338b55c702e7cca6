"""The lines are notes now. Apart from the migration that read them: PostgreSQL alters no table whose
foreign keys are yet to be checked.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0009_notes_from_sentences")]

    operations = [migrations.RemoveField("pointtransaction", "review_note")]
