-- Finds a letter by the code that is printed on it (lib/letter_code.py): the code says the first 35 bits of this hash.
CREATE INDEX danom_entitlement_code ON danom_entitlement (substr(sha256(uuid_send(id)), 1, 5));
-- Finds a letter by the number that the ministry's list gave it, where it gives one.
CREATE INDEX danom_entitlement_number ON danom_entitlement (number) WHERE octet_length(number) < 200;
