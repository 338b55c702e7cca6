/* A page written against the public types of window.IMP. iamport.js itself is checked beside it: what it puts there must fit them. */
import type Iamport from "iamport-typings/src";
import type { RequestPayParams, RequestPayResponse } from "iamport-typings/src";

const params: RequestPayParams = { pg: "html5_inicis", pay_method: "card", merchant_uid: "order-1", amount: 1000, buyer_tel: "010-0000-0000" };

export function pay(): void {
  const IMP: Iamport | undefined = window.IMP;
  IMP?.init("imp00000000");
  IMP?.request_pay(params, (answer: RequestPayResponse) => console.log(answer.imp_uid, answer.error_msg));
}
