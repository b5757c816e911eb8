package main

import (
	"net/http"

	"github.com/google/uuid"
)

const (
	cookieName    = "sessionID"
	maxAgeSeconds = 1800
)

// readSessionCookie returns false if there is no well-formed session id.
func readSessionCookie(r *http.Request) (string, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return "", false
	}
	id, err := uuid.Parse(cookie.Value)
	if err != nil || id.Version() != 3 || id.String() != cookie.Value {
		return "", false
	}
	return cookie.Value, true
}

func setSessionCookie(w http.ResponseWriter, sessionID string) {
	writeCookie(w, sessionID, maxAgeSeconds)
}

func clearSessionCookie(w http.ResponseWriter) {
	writeCookie(w, "", -1)
}

func writeCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
