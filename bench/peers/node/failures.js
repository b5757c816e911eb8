import { status } from "@grpc/grpc-js";
import { ERRORS, isErrorName } from "./errors.js";

const RETRY_AFTER_SECONDS = 1;

/**
 * Answer a request with a row of the error table.
 * @param {import("fastify").FastifyReply} reply
 * @param {import("./errors.js").ErrorName} name
 * @param {number} [http] if it is not the usual status
 */
export function sendFailure(reply, name, http = ERRORS[name].http) {
  return reply.code(http).send({ errCode: ERRORS[name].code, errMsg: name, data: "" });
}

/**
 * @typedef {object} Failure
 * @property {string} [details] of gRPC
 * @property {string | number} [code] a number from gRPC, a name from Fastify
 * @property {number} [statusCode] of Fastify
 * @property {unknown} [validation] of Fastify
 */

/**
 * Answer any failure, as Fastify or gRPC reports it.
 * @param {Failure} error
 * @param {import("fastify").FastifyRequest} request
 * @param {import("fastify").FastifyReply} reply
 */
export function handleError(error, request, reply) {
  if (error.details !== undefined && isErrorName(error.details)) {
    return sendFailure(reply, error.details);
  }
  if (error.validation) {
    const hasType = request.headers["content-type"] !== undefined;
    return sendFailure(reply, "InvalidParamsError", hasType ? 400 : 415);
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return sendFailure(reply, "InvalidParamsError", error.statusCode);
  }
  switch (Number(error.code)) {
    case status.UNAVAILABLE:
    case status.RESOURCE_EXHAUSTED:
      reply.header("retry-after", RETRY_AFTER_SECONDS);
      return sendFailure(reply, "ServerError", 503);
    case status.DEADLINE_EXCEEDED:
      return sendFailure(reply, "ServerError", 504);
    default:
      console.error(error);
      return sendFailure(reply, "ServerError");
  }
}
