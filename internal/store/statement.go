package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// statementBytes is about the size of a statement with its parameters.
const statementBytes = 1024

// statements is the body of a BatchExecuteStatement. The SDK's own writer takes a value, an encoder and an escape for
// each attribute, which together are most of the allocations of an event: 60 instead of 29.
func (d *DynamoDB) statements(changes []*change) []byte {
	b := append(make([]byte, 0, statementBytes*len(changes)), `{"Statements":[`...)
	for i, c := range changes {
		if i > 0 {
			b = append(b, ',')
		}
		b = d.appendStatement(b, c)
	}
	return append(b, "]}"...)
}

// appendStatement writes a change in PartiQL. Where nothing was, it inserts, which another item's presence refuses.
// Else it makes the item what PutItem would make it, if its version is the one that was looked at.
func (d *DynamoDB) appendStatement(b []byte, c *change) []byte {
	next := c.next.attributes(c.of)
	b = append(b, `{"Statement":"`...)
	if c.old == nil {
		b = append(append(append(b, `INSERT INTO \"`...), d.table...), `\" VALUE {`...)
		for i, a := range next {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '\''), a.name...), `':?`...)
		}
		b = append(b, '}')
	} else {
		b = append(append(append(b, `UPDATE \"`...), d.table...), `\"`...)
		for _, a := range next[1:] {
			b = append(append(append(b, ` SET \"`...), a.name...), `\"=?`...)
		}
		for _, a := range c.old.attributes(c.of) {
			if !slices.ContainsFunc(next, func(n attribute) bool { return n.name == a.name }) {
				b = append(append(append(b, ` REMOVE \"`...), a.name...), `\"`...)
			}
		}
		b = append(b, ` WHERE \"`+attrKey+`\"=? AND \"`+attrVersion+`\"=?`...)
		next = append(next[1:], next[0], attribute{name: attrVersion, number: c.old.version, isNumber: true})
	}
	b = append(b, `","Parameters":[`...)
	for i, a := range next {
		if i > 0 {
			b = append(b, ',')
		}
		b = a.append(b)
	}
	return append(b, `],"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`...)
}

// append writes the attribute's value as DynamoDB's JSON has it.
func (a attribute) append(b []byte) []byte {
	if a.isNumber {
		return append(strconv.AppendInt(append(b, `{"N":"`...), a.number, 10), `"}`...)
	}
	b = append(b, `{"S":`...)
	if isPlain(a.text) {
		return append(append(append(b, '"'), a.text...), `"}`...)
	}
	quoted, _ := json.Marshal(a.text) // a text can always be written
	return append(append(b, quoted...), '}')
}

// isPlain tells whether a text stands in JSON as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// bodyKey is under which a context has the body that replaces the SDK's.
type bodyKey struct{}

// writeStatements puts our own body into requests for several changes. All else of them is the SDK's: headers,
// signature, retries.
func writeStatements(stack *middleware.Stack) error {
	if stack.ID() != "BatchExecuteStatement" {
		return nil
	}
	return stack.Serialize.Insert(middleware.SerializeMiddlewareFunc("statements", func(
		ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler,
	) (middleware.SerializeOutput, middleware.Metadata, error) {
		body, _ := ctx.Value(bodyKey{}).([]byte)
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("write statements into a %T", in.Request)
		}
		request, err := request.SetStream(bytes.NewReader(body))
		if err != nil {
			return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("write statements: %w", err)
		}
		in.Request = request
		return next.HandleSerialize(ctx, in)
	}), "OperationSerializer", middleware.After)
}
