#!/bin/sh
# The page that scdoc makes of standard input. Its first line tells man(1) that there are tables in it.
printf '%s\n' "'\\\" t"
exec scdoc
