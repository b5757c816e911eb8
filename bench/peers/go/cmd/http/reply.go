package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"

	"portico/bench/peers/go/internal/rpc"
)

// envelope is the JSON of every answer, in this order.
type envelope struct {
	ErrCode string `json:"errCode"`
	ErrMsg  string `json:"errMsg"`
	Data    any    `json:"data"`
}

// results is the closed table of errors, by code.
var results = [...]struct {
	name   string
	status int
}{
	rpc.ServerError:    {"ServerError", http.StatusInternalServerError},
	rpc.DatabaseError:  {"DataBaseError", http.StatusServiceUnavailable},
	rpc.InvalidSession: {"InvalidSessionError", http.StatusUnauthorized},
	rpc.UserExisted:    {"UserExistedError", http.StatusConflict},
	rpc.UserNotExist:   {"UserNotExistError", http.StatusNotFound},
	rpc.WrongPassword:  {"PasswordError", http.StatusUnauthorized},
	rpc.InvalidParams:  {"InvalidParamsError", http.StatusBadRequest},
	rpc.Success:        {"success", http.StatusOK},
}

func writeSuccess(w http.ResponseWriter, data any) {
	write(w, http.StatusOK, rpc.Success, data)
}

func writeFailure(w http.ResponseWriter, code rpc.Code) {
	write(w, results[code].status, code, "")
}

func writeRefusal(w http.ResponseWriter, refused *refusal) {
	write(w, refused.status, refused.code, "")
}

// writeCallError answers if the TCP tier was not reached or took too long.
func writeCallError(w http.ResponseWriter, err error) {
	slog.Error("call failed", "error", err)
	var netErr net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout() {
		write(w, http.StatusGatewayTimeout, rpc.ServerError, "")
		return
	}
	w.Header().Set("Retry-After", "1")
	write(w, http.StatusServiceUnavailable, rpc.ServerError, "")
}

func write(w http.ResponseWriter, status int, code rpc.Code, data any) {
	body, err := json.Marshal(envelope{strconv.Itoa(int(code)), results[code].name, data})
	if err != nil {
		panic(err) // Strings and profiles can always be written.
	}
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body)
}
