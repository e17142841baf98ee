"""Where rows come from: listing a source's files, judging their names and first bytes, noticing late ones.

Reading rows belongs in segmentation/rows/.
"""
