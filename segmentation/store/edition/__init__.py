"""One edition's folder: is it as it was sealed, what does it say, and which code made it?

Which editions there are is in catalogue/, writing one in publication/.
"""
