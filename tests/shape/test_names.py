"""What one file of tests takes from another is found by its name alone, so that name is given once."""

import ast
import re
from collections import Counter

from repository import ROOT, python


def test_a_file_that_others_import_has_a_name_of_its_own() -> None:
    files = list(python("tests"))
    names = Counter(file.stem for file in files)
    twice = re.compile(rf"\bfrom +({'|'.join(re.escape(name) for name, count in names.items() if count > 1)})\b")
    texts = {file: text for file in files if twice.search(text := file.read_text())}
    found = [
        f"{file.relative_to(ROOT)}:{each.lineno} imports {each.module}"
        for file, text in texts.items()
        for each in ast.walk(ast.parse(text))
        if isinstance(each, ast.ImportFrom) and each.module is not None and names[each.module] > 1
    ]
    assert found == [], "whichever folder comes first is what it gets: rename the file that is imported"
