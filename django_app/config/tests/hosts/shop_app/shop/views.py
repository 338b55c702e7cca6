from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt

from billing.models import Point
from shop import orders
from shop.models import Order


@csrf_exempt  # a test's shop, for a client without pages
def buy(request):
    order = orders.buy(request.user, int(request.POST["price"]), "ticket")
    return answer(request, order=getattr(order, "pk", None), words=str(order))


@csrf_exempt
def take_back(request):
    orders.take_back(Order.objects.get(pk=request.POST["order"]))
    return answer(request)


def answer(request, **more):
    balance = Point.objects.balance_of(request.user)
    return JsonResponse({"balance": balance, "orders": Order.objects.count(), **more})
