"""The checker of annotations that tests switch on; as everywhere in Python, an int passes for a float."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
