package main

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"portico/bench/peers/go/internal/rpc"
)

const maxBodyBytes = 64 << 10

// fields has the fields of all bodies, in NFC.
type fields struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Nickname string `json:"nickname"`
}

type refusal struct {
	status int
	code   rpc.Code
}

var invalidParams = &refusal{http.StatusBadRequest, rpc.InvalidParams}

// readFields takes a JSON or form body.
func readFields(r *http.Request) (*fields, *refusal) {
	mediaType, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, hasCharset := parameters["charset"]
	isJSON := mediaType == "application/json"
	if err != nil || hasCharset && !strings.EqualFold(charset, "utf-8") ||
		!isJSON && mediaType != "application/x-www-form-urlencoded" {
		return nil, &refusal{http.StatusUnsupportedMediaType, rpc.InvalidParams}
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBodyBytes))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, &refusal{http.StatusRequestEntityTooLarge, rpc.InvalidParams}
	}
	if err != nil || !utf8.Valid(body) {
		return nil, invalidParams
	}
	parsed := new(fields)
	if isJSON {
		err = json.Unmarshal(body, parsed)
	} else {
		err = parseForm(string(body), parsed)
	}
	if err != nil {
		return nil, invalidParams
	}
	for _, text := range []*string{&parsed.Username, &parsed.Password, &parsed.Nickname} {
		*text = norm.NFC.String(*text)
	}
	return parsed, nil
}

func parseForm(body string, into *fields) error {
	values, err := url.ParseQuery(body)
	if err != nil {
		return err
	}
	for name, text := range map[string]*string{
		"username": &into.Username, "password": &into.Password, "nickname": &into.Nickname,
	} {
		if len(values[name]) > 1 {
			return errors.New("a field is given twice")
		}
		*text = values.Get(name)
	}
	return nil
}

func isUsername(text string) bool {
	return hasRunes(text, 4, 13, func(r rune) bool {
		return unicode.In(r, unicode.L, unicode.M, unicode.Nd) || strings.ContainsRune("_-.", r)
	})
}

func isPassword(text string) bool {
	return hasRunes(text, 4, 13, isPrintable)
}

func isNickname(text string) bool {
	return hasRunes(text, 1, 8, isPrintable) && strings.TrimSpace(text) != ""
}

func hasRunes(text string, atLeast, atMost int, isAllowed func(rune) bool) bool {
	count := 0
	for _, r := range text {
		if count++; count > atMost || !isAllowed(r) {
			return false
		}
	}
	return count >= atLeast
}

// isPrintable refuses control characters, unassigned code points, line and paragraph separators,
// and characters that change the direction of text.
func isPrintable(r rune) bool {
	return (unicode.IsGraphic(r) || unicode.In(r, unicode.Cf, unicode.Co)) &&
		utf8.ValidRune(r) &&
		!unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}
