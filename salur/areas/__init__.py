"""The Kemendagri register: provinces, kabupaten/kota, kecamatan and desa/kelurahan, decree after decree.

Nouns: an *area* (a code that ever was valid), a *vintage* (one edition of the register), an *entry* (an area as a
vintage wrote it), a *successor* (what became of a code that ceased), a *boundary* (its shape, for the maps). An area is
*current* when the newest vintage still has it, else *retired*.

Codes are integers without dots everywhere inside: 35.11.01.2001 is 3511012001, its kecamatan 351101, its province 35.

Read ``rules`` (what a code is), ``models``, ``queries.sql``, ``actions``, ``commands``.
"""
