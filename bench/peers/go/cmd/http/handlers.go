package main

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"portico/bench/peers/go/internal/rpc"
)

const callTimeout = 5 * time.Second

// endpoint turns a request into a call, or refuses it.
type endpoint func(r *http.Request) (*rpc.Request, *refusal)

type handler struct {
	pool *rpc.Pool
}

func newHandler(pool *rpc.Pool) http.Handler {
	h := &handler{pool: pool}
	mux := http.NewServeMux()
	const prefix = "/api/entrytask/user/"
	mux.Handle(prefix+"signup", h.route(writeEmpty, sameSite(signUp), "POST"))
	mux.Handle(prefix+"signin", h.route(writeSession, sameSite(signIn), "POST"))
	mux.Handle(prefix+"signout", h.route(writeSignedOut, sameSite(signOut), "GET", "POST"))
	mux.Handle(prefix+"get_user_info", h.route(writeProfile, getUserInfo, "GET"))
	mux.Handle(prefix+"update_nickname", h.route(writeNickname, sameSite(updateNickname), "POST"))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeRefusal(w, &refusal{status: http.StatusNotFound, code: rpc.InvalidParams})
	})
	return mux
}

func (h *handler) route(
	write func(http.ResponseWriter, *rpc.Request, *rpc.Reply),
	toCall endpoint,
	methods ...string,
) http.HandlerFunc {
	allowed := strings.Join(methods, ", ")
	return func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(methods, r.Method) {
			w.Header().Set("Allow", allowed)
			writeRefusal(w, &refusal{http.StatusMethodNotAllowed, rpc.InvalidParams})
			return
		}
		request, refused := toCall(r)
		if refused != nil {
			writeRefusal(w, refused)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
		defer cancel()
		reply, err := h.pool.Call(ctx, request)
		switch {
		case r.Context().Err() != nil:
			// The client has gone.
		case err != nil:
			writeCallError(w, err)
		case reply.Code != rpc.Success:
			writeFailure(w, reply.Code)
		default:
			write(w, request, reply)
		}
	}
}

// sameSite refuses requests that a browser sends for another site.
func sameSite(next endpoint) endpoint {
	return func(r *http.Request) (*rpc.Request, *refusal) {
		if isCrossSite(r) {
			return nil, &refusal{http.StatusForbidden, rpc.InvalidParams}
		}
		return next(r)
	}
}

func isCrossSite(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site != "same-origin" && site != "none"
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	parsed, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(parsed.Host, r.Host)
}

func signUp(r *http.Request) (*rpc.Request, *refusal) {
	return credentials(r, rpc.SignUp)
}

func signIn(r *http.Request) (*rpc.Request, *refusal) {
	return credentials(r, rpc.SignIn)
}

func credentials(r *http.Request, method rpc.Method) (*rpc.Request, *refusal) {
	fields, refused := readFields(r)
	if refused != nil {
		return nil, refused
	}
	if !isUsername(fields.Username) || !isPassword(fields.Password) {
		return nil, invalidParams
	}
	return &rpc.Request{
		Method: method, Username: fields.Username, Password: fields.Password,
	}, nil
}

func signOut(r *http.Request) (*rpc.Request, *refusal) {
	return ofSession(r, &rpc.Request{Method: rpc.SignOut})
}

func getUserInfo(r *http.Request) (*rpc.Request, *refusal) {
	return ofSession(r, &rpc.Request{Method: rpc.GetUserInfo})
}

func updateNickname(r *http.Request) (*rpc.Request, *refusal) {
	fields, refused := readFields(r)
	if refused != nil {
		return nil, refused
	}
	if !isNickname(fields.Nickname) {
		return nil, invalidParams
	}
	return ofSession(r, &rpc.Request{Method: rpc.UpdateNickname, Nickname: fields.Nickname})
}

func ofSession(r *http.Request, request *rpc.Request) (*rpc.Request, *refusal) {
	id, ok := readSessionCookie(r)
	if !ok {
		return nil, &refusal{http.StatusUnauthorized, rpc.InvalidSession}
	}
	request.SessionID = id
	return request, nil
}

func writeEmpty(w http.ResponseWriter, _ *rpc.Request, _ *rpc.Reply) {
	writeSuccess(w, "")
}

func writeSession(w http.ResponseWriter, _ *rpc.Request, reply *rpc.Reply) {
	setSessionCookie(w, reply.SessionID)
	writeSuccess(w, "")
}

func writeSignedOut(w http.ResponseWriter, _ *rpc.Request, _ *rpc.Reply) {
	clearSessionCookie(w)
	writeSuccess(w, "")
}

func writeProfile(w http.ResponseWriter, _ *rpc.Request, reply *rpc.Reply) {
	writeSuccess(w, &reply.Profile)
}

func writeNickname(w http.ResponseWriter, request *rpc.Request, _ *rpc.Reply) {
	writeSuccess(w, request.Nickname)
}
