"""Where every address leads: the phones' API, then the pages."""

from allauth.account.views import login, logout, reauthenticate
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.i18n import set_language

from salur.evaluation.views import evaluation, evaluation_paper, evaluations, write_note
from salur.jobs.views import job, job_file, jobs
from salur.monitoring.views import realisation
from salur.web.api import api
from salur.web.check import cek
from salur.web.people.views import accept, end, invite, people
from salur.web.sign_in.views import RemoveKey, cancelled, failed
from salur.web.views import home
from salur.web.watching import health, metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include("salur.field.api")),
    path("api/v1/", api.urls),
    path("", include("salur.field.pages")),
    path("", include("salur.field.views")),
    path("", include("salur.planning.views")),
    path("", include("salur.planning.papers.views")),
    path("", include("salur.monitoring.outlook.views")),
    path("", include("salur.monitoring.wall.views")),
    path("", include("salur.monitoring.exports.views")),
    path("", include("salur.reconciliation.views")),
    path("", include("salur.oversight.cases")),
    path("", include("salur.oversight.views")),
    path("", include("salur.monitoring.families.views")),  # before the boards: an office's code may hold a slash
    path("", home, name="home"),
    path("cek/", cek, name="cek"),
    path("cek", cek),  # as people type it from a letter
    path("health/", health, name="health"),
    path("metrics", metrics, name="metrics"),
    path("masuk/", login, name="account_login"),  # as allauth calls it; the folders below say login
    path("masuk/", login, name="login"),
    path("keluar/", logout, name="account_logout"),
    path("keluar/", logout, name="logout"),
    path("masuk/ulang/", reauthenticate, name="account_reauthenticate"),
    path("masuk/faktor/webauthn/keys/<int:pk>/remove/", RemoveKey.as_view(), name="mfa_remove_webauthn"),
    path("masuk/faktor/", include("allauth.mfa.urls")),
    path("masuk/organisasi/", include("allauth.socialaccount.providers.openid_connect.urls")),
    path("masuk/organisasi/dibatalkan/", cancelled, name="socialaccount_login_cancelled"),
    path("masuk/organisasi/gagal/", failed, name="socialaccount_login_error"),
    path("masuk/organisasi/tidak-dikenal/", failed, name="socialaccount_signup"),
    path("undangan/<str:token>/", accept, name="invitation"),
    path("orang/", people, name="people"),
    path("orang/undang/", invite, name="people-invite"),
    path("orang/<int:user>/akhiri/", end, name="people-end"),
    path("bahasa/", set_language, name="set_language"),
    path("pekerjaan/", jobs, name="jobs"),
    path("pekerjaan/<uuid:job>/", job, name="job"),
    path("pekerjaan/<uuid:job>/berkas", job_file, name="job-file"),
    path("realisasi/<str:stage>/", realisation, name="realisation"),
    # An office's code may hold a slash.
    re_path(
        r"^realisasi/(?P<stage>[^/]+)/kantor/(?P<office>.+)/kecamatan/(?P<area>[0-9]{6})/$",
        lambda request, stage, office, area: realisation(request, stage=stage, office=office, area=int(area)),
        name="realisation-kecamatan",
    ),
    re_path(
        r"^realisasi/(?P<stage>[^/]+)/wilayah/(?P<area>[0-9]{4}|[0-9]{6})/$",
        lambda request, stage, area: realisation(request, stage=stage, area=int(area)),
        name="realisation-area",
    ),
    path("realisasi/<str:stage>/kantor/<path:office>/", realisation, name="realisation-office"),
    path("evaluasi/<str:stage>/", evaluations, name="evaluations"),
    path("evaluasi/<str:stage>/<str:region>/", evaluation, name="evaluation"),
    path("evaluasi/<str:stage>/<str:region>/catatan/", write_note, name="evaluation-note"),
    path("evaluasi/<str:stage>/<str:region>/evaluasi.pdf", evaluation_paper, name="evaluation-paper"),
]

handler400 = "salur.web.views.bad_request"
handler403 = "salur.web.views.forbidden"
handler404 = "salur.web.views.not_found"
handler500 = "salur.web.views.broken"
