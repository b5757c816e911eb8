package main

import (
	"context"
	"errors"
	"log/slog"

	"portico/bench/peers/go/internal/rpc"
)

const (
	defaultProfilePath = "default.webp"
	firstNicknameRunes = 8
)

type service struct {
	users     *users
	sessions  *sessions
	passwords *passwords
}

func (s *service) handle(ctx context.Context, request *rpc.Request) rpc.Reply {
	reply, err := s.answer(ctx, request)
	if err == nil {
		return reply
	}
	code := rpc.DatabaseError
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errUnknownHash) {
		code = rpc.ServerError
	}
	slog.Error("call failed", "method", request.Method, "error", err)
	return rpc.Reply{Code: code}
}

func (s *service) answer(ctx context.Context, request *rpc.Request) (rpc.Reply, error) {
	switch request.Method {
	case rpc.SignUp:
		return s.signUp(ctx, request.Username, request.Password)
	case rpc.SignIn:
		return s.signIn(ctx, request.Username, request.Password)
	case rpc.SignOut:
		return s.signOut(ctx, request.SessionID)
	case rpc.GetUserInfo:
		return s.getUserInfo(ctx, request.SessionID)
	case rpc.UpdateNickname:
		return s.updateNickname(ctx, request.SessionID, request.Nickname)
	default:
		return rpc.Reply{Code: rpc.ServerError}, nil
	}
}

func (s *service) signUp(ctx context.Context, username, password string) (rpc.Reply, error) {
	// Finds most taken names before the expensive hash. The unique key finds the others.
	existing, err := s.users.find(ctx, username)
	if err != nil {
		return rpc.Reply{}, err
	}
	if existing != nil {
		return rpc.Reply{Code: rpc.UserExisted}, nil
	}
	hash, salt, err := s.passwords.hash(ctx, password)
	if err != nil {
		return rpc.Reply{}, err
	}
	inserted, err := s.users.insert(ctx, &user{
		Profile: rpc.Profile{
			Username:    username,
			Nickname:    firstNickname(username),
			ProfilePath: defaultProfilePath,
		},
		passwordHash: hash,
		salt:         salt,
	})
	if err != nil {
		return rpc.Reply{}, err
	}
	if !inserted {
		return rpc.Reply{Code: rpc.UserExisted}, nil
	}
	return rpc.Reply{Code: rpc.Success}, nil
}

func (s *service) signIn(ctx context.Context, username, password string) (rpc.Reply, error) {
	user, err := s.users.find(ctx, username)
	if err != nil {
		return rpc.Reply{}, err
	}
	if user == nil {
		return rpc.Reply{Code: rpc.UserNotExist}, nil
	}
	ok, err := s.passwords.verify(ctx, password, user.passwordHash, user.salt)
	if err != nil {
		return rpc.Reply{}, err
	}
	if !ok {
		return rpc.Reply{Code: rpc.WrongPassword}, nil
	}
	id, err := s.sessions.open(ctx, user.Profile)
	if err != nil {
		return rpc.Reply{}, err
	}
	return rpc.Reply{Code: rpc.Success, SessionID: id}, nil
}

func (s *service) signOut(ctx context.Context, sessionID string) (rpc.Reply, error) {
	existed, err := s.sessions.close(ctx, sessionID)
	if err != nil {
		return rpc.Reply{}, err
	}
	if !existed {
		return rpc.Reply{Code: rpc.InvalidSession}, nil
	}
	return rpc.Reply{Code: rpc.Success}, nil
}

func (s *service) getUserInfo(ctx context.Context, sessionID string) (rpc.Reply, error) {
	username, err := s.sessions.username(ctx, sessionID)
	if err != nil {
		return rpc.Reply{}, err
	}
	if username == "" {
		return rpc.Reply{Code: rpc.InvalidSession}, nil
	}
	profile, err := s.sessions.profile(ctx, username)
	if err != nil {
		return rpc.Reply{}, err
	}
	if profile != nil {
		return rpc.Reply{Code: rpc.Success, Profile: *profile}, nil
	}
	user, err := s.users.find(ctx, username)
	if err != nil {
		return rpc.Reply{}, err
	}
	if user == nil {
		return rpc.Reply{Code: rpc.UserNotExist}, nil
	}
	if err := s.sessions.cache(ctx, user.Profile); err != nil {
		return rpc.Reply{}, err
	}
	return rpc.Reply{Code: rpc.Success, Profile: user.Profile}, nil
}

func (s *service) updateNickname(
	ctx context.Context, sessionID, nickname string,
) (rpc.Reply, error) {
	username, err := s.sessions.username(ctx, sessionID)
	if err != nil {
		return rpc.Reply{}, err
	}
	if username == "" {
		return rpc.Reply{Code: rpc.InvalidSession}, nil
	}
	found, err := s.users.setNickname(ctx, username, nickname)
	if err != nil {
		return rpc.Reply{}, err
	}
	if !found {
		return rpc.Reply{Code: rpc.UserNotExist}, nil
	}
	if err := s.sessions.dropProfile(ctx, username); err != nil {
		return rpc.Reply{}, err
	}
	return rpc.Reply{Code: rpc.Success}, nil
}

func firstNickname(username string) string {
	runes := []rune(username)
	return string(runes[:min(len(runes), firstNicknameRunes)])
}
