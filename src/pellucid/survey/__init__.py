# SPDX-License-Identifier: Apache-2.0
"""Plans and runs kinds of evidence over units into an atlas, and goes on after an interruption."""

from pellucid.survey.plan import DataFacts, NetFacts, Pass, Plan
from pellucid.survey.survey import SurveyReport, survey

__all__ = ["DataFacts", "NetFacts", "Pass", "Plan", "SurveyReport", "survey"]
