from controlplane.portal.descriptor import Portal

PORTAL = Portal(streams={"probe": "tests.events.probe.project_of"})
