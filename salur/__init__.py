"""salur: channel cash aid to families through post offices, and prove it.

To understand it, read docs/one-payment.md: the walk of one payment through these folders. docs/house.md tells what each
folder is for and who may lean on whom.
"""

__version__ = "0.1.0"
