"""Gives the records of the people that the tests of the catalogue's traps (section 14) ask about."""

from __future__ import annotations

from datetime import date

PEOPLE = """
frail_then_mild      | 1940-01-01 | female
frail                | 1940-01-01 | female
left_home            | 1940-01-01 | female
in_home              | 1940-01-01 | female
old_palliative       | 1950-01-01 | male
not_indicated        | 1950-01-01 | male
palliative           | 1950-01-01 | male
twenty               | 1960-01-01 | male
above_twenty         | 1960-01-01 | male
ten                  | 1960-01-01 | male
old_decline          | 1960-01-01 | male
fit_after            | 1960-01-01 | male
fit_before           | 1960-01-01 | male
fit_22_days          | 1960-01-01 | male
stated_then_not      | 1960-01-01 | female
leap                 | 1960-02-29 | female
edge_in              | 1970-01-01 | female
edge_out             | 1970-01-01 | female
ckd_2                | 1960-01-01 | male
resolved_diabetes    | 1960-01-01 | male
quarter              | 1945-01-01 | female
half_year            | 1945-01-01 | female
plan_first           | 1990-01-01 | female
plan_after           | 1990-01-01 | female
patch                | 1955-01-01 | female
gangrene             | 1955-01-01 | female
bronchitis           | 1955-01-01 | female
bronchitis_with_copd | 1955-01-01 | female
secondary_asthma     | 1955-01-01 | female
screened_913         | 1960-01-01 | female
screened_914         | 1960-01-01 | female
declined_12m         | 1960-01-01 | female
declined_before      | 1960-01-01 | female
"""
EVENTS = """
frail_then_mild   | frailty_severe           | 2020-05-01
frail_then_mild   | frailty_mild             | 2023-05-01
frail             | frailty_mild             | 2020-05-01
frail             | frailty_severe           | 2023-05-01
left_home         | care_home_nursing        | 2022-05-01
left_home         | lives_elsewhere          | 2024-05-01
in_home           | lives_elsewhere          | 2022-05-01
in_home           | care_home_nursing        | 2024-05-01
old_palliative    | palliative_care          | 2008-03-31
not_indicated     | palliative_care          | 2023-01-01
not_indicated     | palliative_care_not_indicated | 2024-01-01
palliative        | palliative_care_not_indicated | 2023-01-01
palliative        | palliative_care          | 2024-01-01
old_decline       | statin_declined          | 2010-01-01
fit_after         | lower_gi_urgent_referral | 2024-09-01
fit_before        | lower_gi_urgent_referral | 2024-09-22
fit_22_days       | lower_gi_urgent_referral | 2024-09-23
stated_then_not   | ethnicity_asian          | 2010-01-01
stated_then_not   | ethnicity_not_stated     | 2024-01-01
edge_in           | falls                    | 2024-02-01
edge_out          | falls                    | 2024-01-31
ckd_2             | ckd_3_to_5               | 2020-01-01
ckd_2             | ckd_1_and_2              | 2023-01-01
resolved_diabetes | diabetes                 | 2010-01-01
resolved_diabetes | diabetes_resolved        | 2023-01-01
plan_first        | learning_disability      | 2000-01-01
plan_first        | health_action_plan       | 2024-05-01
plan_first        | ld_health_check          | 2024-06-01
plan_after        | learning_disability      | 2000-01-01
plan_after        | ld_health_check          | 2024-06-01
plan_after        | health_action_plan       | 2024-06-01
screened_913      | bowel_screening_completed | 2022-08-03
screened_914      | bowel_screening_completed | 2022-08-02
declined_12m      | bowel_screening_declined | 2024-02-01
declined_before   | bowel_screening_declined | 2024-01-31
"""
MEASUREMENTS = """
twenty       | qrisk_score | 2023-01-01 | 25   | %
twenty       | qrisk_score | 2024-01-01 | 20   | %
above_twenty | qrisk_score | 2024-01-01 | 20.1 | %
ten          | qrisk_score | 2024-01-01 | 10   | %
old_decline  | qrisk_score | 2024-01-01 | 25   | %
fit_after    | fit_test    | 2024-09-02 | 12   | ug/g
fit_before   | fit_test    | 2024-09-01 | 12   | ug/g
fit_22_days  | fit_test    | 2024-09-01 | 12   | ug/g
"""
ISSUES = """
quarter   | oral_anticoagulants | 2024-11-01 | 28
quarter   | nsaids_oral         | 2024-11-02 | 28
half_year | oral_anticoagulants | 2024-10-31 | 28
half_year | nsaids_oral         | 2024-10-31 | 28
"""
SPELLS = """
gangrene             | 2024-06-01 | 2024-06-05 | 21 | I500 R02
bronchitis           | 2024-06-01 | 2024-06-05 | 21 | J20
bronchitis_with_copd | 2024-06-01 | 2024-06-05 | 21 | J20 J44
secondary_asthma     | 2024-06-01 | 2024-06-05 | 21 | R05 J45
"""
INDEX = date(2025, 1, 31)
RECORDS = {"events": EVENTS, "measurements": MEASUREMENTS, "medications": ISSUES, "spells": SPELLS}
