from django.db import models

from controlplane.projects.models import Project, ProjectScoped


class Parcel(models.Model):
    project = models.ForeignKey(Project, models.CASCADE)
    name = models.CharField(max_length=100)
    state = models.CharField(max_length=20, default="packed")

    objects = ProjectScoped.as_manager()
