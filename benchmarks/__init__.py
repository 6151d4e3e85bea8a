"""How fast the walk is, measured in one run on one machine: `make bench`, or `python -m benchmarks --help`.

What the lines mean:

* bare read loop: the pages of a complete pass, read from the same sandbox over one kept-alive connection, thrown away.
  Nothing that reads page after page can be faster; the column `x bare` tells how far a line is from that.
* start-up and imports: a process that imports what a sync imports, and ends.
* fetch and land, contacts, leads: the functions of `steps.py`, each in a fresh process that has done its imports before
  the clock starts. Start-up and stages together come near the whole sync; a stage's peak is its own, imports included.
* whole sync, incremental sync, sync without changes: the command `crm-pipeline sync` as a process, seen from outside.
  The one without changes comes last and reads the same edits again, since a pass overlaps the one before by 15 minutes:
  the dearest case of nothing to do.
* domain alone: phones parsed, and contacts normalized, each distinct text once, so that no cache helps.

The sandbox is a process of its own on 127.0.0.1. It shares the processors with what is measured, as a CRM would not;
it has served every page once before. Peak memory is resident memory, of all processes of the command together. With
`--runs` every figure is the median. The targets are those for 100,000 contacts on two processors (issue 2); `--strict`
makes a missed one fail.
"""
