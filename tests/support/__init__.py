"""What several kinds of tests share: fakes with faults, and builders."""
