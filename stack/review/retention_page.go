package review

const retentionHead = `# How long everything is kept

Written by ` + "`go run ./stack retention`" + ` from the resources that the program registers: change the stack's
file or the program, not this page. What can be set is in one place of the stack's file, ` + "`retention`" + `. An
empty field: that stack has none.

`

const retentionTail = `
What is longer costs its storage: a million events 0.17 USD for 30 days in the table with point-in-time recovery (list
price, us-east-1), logs 0.03 a GB and month, a bucket 0.023 a GB and month, and the brokers' disks 0.10 a GB and month,
three copies.

## What belongs together

An event takes effect once for as long as the processors remember it (` + "`retention.outcomeDays`" + `). One that is
forgotten and comes again takes effect again. So the program refuses a memory that is shorter than

- what the topic can replay (` + "`retention.topicHours`" + `), and
- what the dead letters' topic can, 14 days.

What a handler writes elsewhere, and what your collectors take out of logs, is kept by rules of your own.

## Change it

` + "`pulumi config set --path retention.topicHours 336`" + ` and ` + "`pulumi up`" + `. A longer retention of the topic
needs disks for it (` + "`kafka.volumeGiB`" + `), and takes effect broker by broker. A longer memory holds for what is
processed from then on: what is in the table already is forgotten when it was due. Shorter log retention deletes within
days, and nothing brings the lines back.
`
