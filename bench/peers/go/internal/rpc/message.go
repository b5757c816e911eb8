// Package rpc joins the tiers: one call at a time on each connection of a pool, as gob messages.
package rpc

// Method identifies the method of a Request.
type Method uint8

const (
	SignUp Method = iota + 1
	SignIn
	SignOut
	GetUserInfo
	UpdateNickname
)

// Code is the errCode of the HTTP API.
type Code uint8

const (
	ServerError Code = iota
	DatabaseError
	InvalidSession
	UserExisted
	UserNotExist
	WrongPassword
	InvalidParams
	Success
)

// Request has the fields of all methods. gob does not send empty fields.
type Request struct {
	Method    Method
	SessionID string
	Username  string
	Password  string
	Nickname  string
}

// Profile is the part of a user's data that the user sees.
type Profile struct {
	Username    string `json:"username"`
	Nickname    string `json:"nickname"`
	ProfilePath string `json:"profilePath"`
}

// Reply has the fields of all methods' replies.
type Reply struct {
	Code      Code
	SessionID string
	Profile   Profile
}
