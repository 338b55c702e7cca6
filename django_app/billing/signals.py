"""What happened to money, told to whoever wants to know.

Sent after commit, by the call that made the change, at most once (a crash between commit and send
loses it: the entries are the durable record). A receiver that raises harms nothing; it is logged.
`sender` is the PointTransaction class; all arguments are keywords:

point_charged         txn, points (> 0): points of a payment were credited
point_cancelled       txn, points (> 0): a cancel is done. So many points of it were taken back, and
                      the money goes back
account_issued        txn: a virtual account waits for its deposit; txn.vbank_… tell which and until
                      when
mismatch_refunded     txn, imp_uid, amount, currency: wrong money was sent back (amount: a Decimal
                      in major units)
payment_failed        txn: the payer's attempt failed; nothing was taken
payment_needs_review  txn, code, note: staff should look. code is a `states.Review`, note a
                      `note_codes.Note`: why
"""

from django.dispatch import Signal

point_charged = Signal()
point_cancelled = Signal()
account_issued = Signal()
mismatch_refunded = Signal()
payment_failed = Signal()
payment_needs_review = Signal()
