"""A report as its readers and their screen readers meet it."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Every tag with its attributes, and the text outside style."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.text, self.depth = [], "", []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in {"meta", "br", "image", "use"}:
            self.depth.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.depth.pop() == tag

    def handle_data(self, data):
        if "style" not in self.depth:
            self.text += data.replace("\u00a0", " ")

    @property
    def charts(self):
        return [attributes for tag, attributes in self.tags if tag == "svg" and attributes.get("role") == "img"]

    @property
    def downloads(self):
        return [attributes for tag, attributes in self.tags if tag == "a" and "download" in attributes]
