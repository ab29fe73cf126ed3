package io.sendgate
class X
