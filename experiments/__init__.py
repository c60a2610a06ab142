"""The experiments of the book: ``python -m experiments`` lists them.

Questions lie by chapter, one file for each: ``ch1`` to ``ch4``, and ``extra`` for those of no chapter. The other
modules are what they share (``training``, ``comparison``, ``runner``, ``statistics``, ``plots``, ``distort``,
``catalogue``), the ``report``, the ``benchmark`` (with ``accelerator`` and ``rivals``), ``photos`` (is one's own
handwriting read?), and the ``companion``, a notebook for each chapter.
"""
