"""The events this app records: of shared views only, since what people keep for themselves is nobody's news."""

VIEW_SHARED = "view.shared"  # everybody in the project has it now
VIEW_UNSHARED = "view.unshared"  # only its owner has it now
VIEW_UPDATED = "view.updated"  # it shows something else, is called otherwise, or is (no longer) what opens first
VIEW_DELETED = "view.deleted"  # nobody has it any more
