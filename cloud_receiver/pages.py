"""In the making."""


class Pages:
    def __init__(self, receiver):
        self.receiver = receiver

    def add_to(self, app):
        pass
