"""The left of the Train page: the experiment's settings, what steers it, and how it stands."""

from explorer.ui.config_form import ConfigForm
from explorer.ui.data_finder import DataFinder
from explorer.ui.live_controls import LiveControls
from explorer.ui.page import Page
from explorer.ui.panel import Panel
from explorer.ui.training_status import TrainingStatus


class ExperimentPanel(Panel):
    """A form, the finder of data that is not on this machine, the controls of a training, and its status."""

    def __init__(self, page: Page) -> None:
        super().__init__("Experiment", "What is learned, by which model, and how")
        self.setFixedWidth(300)
        self.form = ConfigForm()
        self.finder = DataFinder(page)
        self.live = LiveControls(page)
        self.state = TrainingStatus()
        self.body.addWidget(self.form, 1)
        for widget in (self.finder, self.live, self.state):
            self.body.addWidget(widget)
