package main

import (
	"context"
	"io"
)

func repository(context.Context, []string, io.Writer) error { return nil }
func manifests(context.Context, []string, io.Writer) error  { return nil }
