"""A bare page with nothing but the viewer, and a server that hands it real frames. Knows no Gradio."""
