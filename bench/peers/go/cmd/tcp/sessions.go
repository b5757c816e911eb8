package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"portico/bench/peers/go/internal/rpc"
)

const ttl = 30 * time.Minute

type sessions struct {
	redis *redis.Client
}

func openSessions(redisURL string) (*sessions, error) {
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, fmt.Errorf("REDIS_URL: %w", err)
	}
	// The default pool of ten connections per core: more were no faster.
	return &sessions{redis: redis.NewClient(options)}, nil
}

func sessionKey(id string) string     { return "session:" + id }
func profileKey(name string) string   { return "user:" + name }
func newSessionID(name string) string { return uuid.NewMD5(uuid.New(), []byte(name)).String() }

// open begins a session and caches its user's profile.
func (s *sessions) open(ctx context.Context, profile rpc.Profile) (string, error) {
	id := newSessionID(profile.Username)
	_, err := s.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Set(ctx, sessionKey(id), profile.Username, ttl)
		cacheBy(ctx, pipe, profile)
		return nil
	})
	return id, err
}

// username returns "" if there is no such session.
func (s *sessions) username(ctx context.Context, id string) (string, error) {
	username, err := s.redis.Get(ctx, sessionKey(id)).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return username, err
}

// close returns false if there is no such session.
func (s *sessions) close(ctx context.Context, id string) (bool, error) {
	deleted, err := s.redis.Del(ctx, sessionKey(id)).Result()
	return deleted > 0, err
}

// profile returns nil if none is cached.
func (s *sessions) profile(ctx context.Context, username string) (*rpc.Profile, error) {
	fields, err := s.redis.HGetAll(ctx, profileKey(username)).Result()
	if err != nil || len(fields) == 0 {
		return nil, err
	}
	return &rpc.Profile{
		Username:    fields["username"],
		Nickname:    fields["nickname"],
		ProfilePath: fields["profilePath"],
	}, nil
}

func (s *sessions) cache(ctx context.Context, profile rpc.Profile) error {
	_, err := s.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		cacheBy(ctx, pipe, profile)
		return nil
	})
	return err
}

func (s *sessions) dropProfile(ctx context.Context, username string) error {
	return s.redis.Del(ctx, profileKey(username)).Err()
}

func cacheBy(ctx context.Context, pipe redis.Pipeliner, profile rpc.Profile) {
	key := profileKey(profile.Username)
	pipe.HSet(ctx, key,
		"username", profile.Username,
		"nickname", profile.Nickname,
		"profilePath", profile.ProfilePath)
	pipe.Expire(ctx, key, ttl)
}
