from django.urls import path
from parcels import views

app_name = "parcels"
urlpatterns = [
    path("parcels/", views.ParcelList.as_view(), name="list"),
    path("parcels/<int:pk>/", views.detail, name="detail"),
]
