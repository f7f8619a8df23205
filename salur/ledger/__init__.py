"""Accounts and transfers: where every rupiah is, and how it came there. Knows no other word.

A **transfer** moves an amount from one **account** (credit) to another (debit) of one book; a book is one stage at one branch. So a
book always sums to zero, and a mistake is corrected by another transfer. Balances are kept with the accounts, in the same
transaction, and recounted from the transfers by `salur verify`.

Read ``queries.sql: post`` first: it is the only statement that writes here.
"""
