"""The acceptance (验收): what there is to judge, the verdicts, who is commended."""
